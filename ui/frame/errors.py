"""What a user is told of a fault, and what the log keeps of it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
import torch

from ui.texts import inert, t
from ui.texts.sentences import translated
from vizcore.networks.classifier import NetworkError

LOG = logging.getLogger("vizcore.pages")


@contextmanager
def reported(name: str, keep: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Write whatever goes wrong to the log under a number, show that number, and end the script.

    Before that ``keep(name)`` sees to it that the address does not bring the fault back for ever.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        keep(name)
        LOG.exception("out of memory on page %s", name)
        st.error(t("errors.memory_run"), icon=":material/memory:")
        st.stop()
    except NetworkError as error:
        keep(name)
        st.warning(inert(translated(str(error))), icon=":material/block:")
        st.stop()
    except Exception:
        keep(name)
        number = secrets.token_hex(4)
        LOG.exception("error %s on page %s", number, name)
        st.error(t("errors.unexpected", number=number), icon=":material/error:")
        st.stop()
