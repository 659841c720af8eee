"""Half precision: forward passes with short multiplications, where a device does these faster, and what it costs.

Autocast (Micikevicius et al. 2018, "Mixed precision training", section 3) hands the operands of convolutions and
matrix products over as bfloat16, with 8 significant bits and the range of float32 (Kalamkar et al. 2019, "A study of
BFLOAT16 for deep learning training"; float16 could overflow), and adds up in float32. A score is then off by a
hundredth of the logits' range. A linear model of hundreds of scores hardly notices; the gradient of one picture does
(on photographs it correlates by 0.93 to 0.998 with that in full precision), and occlusion gains more by exact means.
Hence LIME alone offers it, and tries it out every time.
"""

from __future__ import annotations

import torch


def kind(device: torch.device) -> torch.dtype | None:
    """The short numbers that ``device`` multiplies faster than float32; None where there are none."""
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    return None


def never_unasked(device: torch.device) -> None:
    """Let float32 be float32 on ``device``: cuDNN multiplies only 11 significant bits of it unless told otherwise."""
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
