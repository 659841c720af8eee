"""Where pictures come from: scenes drawn from a seed, scikit-image's photographs, or the user's own file."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from PIL import Image

from ui.frame import thumbnails
from ui.running.results import RESULTS, size_of
from ui.server import leaving
from ui.texts import inert, t, t_or, worded
from ui.texts.sentences import translated
from vizcore import memory
from vizcore.networks import catalogue
from vizcore.pictures import decoding, scenes
from vizcore.pictures.scene_parts import Changes
from vizcore.study.sources import compose

# A handful of scenes worth starting with; any other seed is one number away.
SCENES = (34, 44, 3, 38, 30, 28, 51)
STAMPED = (34, 38)  # a horse with the date stamp that the network which cheats has learned to look for
DEFAULT = f"scene:{SCENES[0]}"
PHOTOGRAPH = "photo:chelsea"  # for networks that know photographs and no scenes
LARGEST_SEED = 10**9
SCENE_SIZE = 256
_UPLOAD = "vizcore.upload"


@dataclass(frozen=True)
class Source:
    """One picture: its stable id (as in the address bar), the picture itself, its own checksum, and remarks on it."""

    id: str
    picture: Image.Image
    digest: str
    notes: tuple[str, ...] = ()


def usual(network: str) -> str:
    """The picture with which a network is shown first: a scene to those that were trained on scenes, else a photo."""
    return DEFAULT if network in catalogue.SMALL else PHOTOGRAPH


def follow(current: str, before: str, network: str) -> str:
    """The picture after another network was chosen: what it was, unless it was ``before``'s usual one."""
    return usual(network) if current == usual(before) else current


def valid(identifier: str) -> bool:
    """Whether ``identifier`` names a picture that can be shown here and now."""
    kind, _, rest = identifier.partition(":")
    if kind in ("scene", "stamped"):
        return rest.isascii() and rest.isdigit() and len(rest) <= 200 and int(rest) <= LARGEST_SEED
    if kind == "photo":
        return rest in decoding.sample_photographs()
    return identifier == "upload" and _UPLOAD in st.session_state


def canonical(identifier: str) -> str:
    """The one id of a valid picture: 007 is the seed 7, and no number in Python."""
    kind, _, rest = identifier.partition(":")
    return f"{kind}:{int(rest)}" if kind in ("scene", "stamped") else identifier


def scene(identifier: str) -> scenes.Scene | None:
    """The scene behind ``scene:SEED`` or ``stamped:SEED``, with its mask; None for any other picture."""
    if identifier.partition(":")[0] not in ("scene", "stamped"):
        return None
    return RESULTS.get_or(("scene", identifier), lambda: compose(identifier, SCENE_SIZE))


def composed(identifier: str, changes: Changes) -> scenes.Scene:
    """The scene behind ``scene:SEED`` or ``stamped:SEED``, drawn anew with something different about it."""
    return compose(identifier, SCENE_SIZE, changes)


def picture(identifier: str) -> Source:
    """The picture called ``identifier``, which must be valid."""
    if identifier == "upload":
        uploaded: Source = st.session_state[_UPLOAD]
        return uploaded
    found = scene(identifier)
    if found is not None:
        drawn = Image.fromarray(found.picture)
    else:
        name = identifier.partition(":")[2]
        drawn = RESULTS.get_or(("photo", name), decoding.sample_photographs()[name])
    return Source(identifier, drawn, RESULTS.get_or(("digest", identifier), lambda: decoding.digest(drawn)))


def label(identifier: str) -> str:
    """How a picture is called in the list."""
    kind, _, rest = identifier.partition(":")
    found = scene(identifier)
    if found is not None:
        what = t_or(f"classes.{found.label}", found.label)
        if found.distractor:
            what = t("picture.with", one=what, other=t_or(f"classes.{found.distractor}", found.distractor))
        return t(f"picture.{kind}", seed=rest, what=what)
    if kind == "photo":
        return t("picture.photo", what=t_or(f"photos.{rest}", decoding.sample_photographs()[rest].title))
    return t("picture.yours")


def choose(current: str) -> str:
    """Draw the picture's controls and return the id of the chosen picture; a bad upload leaves the current one."""
    photographs = [f"photo:{name}" for name in decoding.sample_photographs()]
    stamped = list(dict.fromkeys([f"stamped:{seed}" for seed in STAMPED] + [current] * current.startswith("stamped:")))
    modes = [*(f"scene:{seed}" for seed in SCENES), *stamped, "seed", "upload", *photographs]
    mode = current if current in modes else ("seed" if current.startswith("scene:") else DEFAULT)
    key = worded("frame.picture")
    st.session_state.setdefault(key, mode)
    names = {one: label(one) for one in modes} | {"seed": t("picture.seed"), "upload": t("picture.upload")}
    mode = st.selectbox(
        t("frame.picture"),
        modes,
        key=key,
        format_func=lambda one: names[one],
        help=t("picture.help"),
    )
    seen = [f"scene:{seed}" for seed in SCENES] + [f"stamped:{s}" for s in STAMPED] + photographs
    _by_sight(key, [(one, names[one]) for one in seen], mode)
    if mode == "seed":
        seed = int(current.partition(":")[2]) if current.startswith("scene:") else SCENES[0]
        st.session_state.setdefault("frame.seed", seed)
        return f"scene:{_seed()}"
    if mode == "upload":
        return _uploaded(current)
    return mode


def _by_sight(key: str, pictures: list[tuple[str, str]], chosen: str) -> None:
    """The list's scenes and photographs as thumbnails; a press chooses in the list, whose ``key`` it is."""

    def take(identifier: str) -> None:
        st.session_state[key] = identifier

    thumbnails.choose("frame.thumbnails", t("frame.picture"), pictures, chosen, lambda one: picture(one).picture, take)


def _seed() -> int:
    def another() -> None:
        st.session_state["frame.seed"] = (int(st.session_state["frame.seed"]) * 7919 + 1) % 100_003

    seed = st.number_input(t("picture.seed_number"), 0, LARGEST_SEED, step=1, key="frame.seed")
    st.button(t("picture.another"), key="frame.another", on_click=another, icon=":material/casino:")
    return int(seed)


def file() -> str:
    """The name of the file that is this session's own picture."""
    return str(st.session_state.get(f"{_UPLOAD}.file", ""))[:60]


def decode(data: bytes) -> decoding.Decoded:
    """A file's picture; what decoding took is given back, which the C library would keep for each thread."""
    try:
        return decoding.decode(data)
    finally:
        memory.release()


def take(decoded: decoding.Decoded, file: str) -> str:
    """Make a decoded file this session's own picture, and return the id of that."""
    st.session_state[f"{_UPLOAD}.file"] = file
    st.session_state[_UPLOAD] = Source(
        "upload", decoded.picture, decoding.digest(decoded.picture), tuple(decoded.notes)
    )
    leaving.weigh("picture", size_of(decoded.picture))
    return "upload"


def _uploaded(current: str) -> str:
    file = st.file_uploader(
        t("picture.file"), key="frame.file", help=t("picture.file_help"), max_upload_size=decoding.MAX_BYTES >> 20
    )
    if file is None:
        return "upload" if _UPLOAD in st.session_state else current
    fingerprint = f"{file.file_id}"
    if st.session_state.get("vizcore.upload.seen") != fingerprint:
        st.session_state["vizcore.upload.seen"] = fingerprint
        st.session_state["vizcore.upload.error"] = ""
        try:
            decoded = decode(file.getvalue())
        except decoding.PictureError as error:
            st.session_state["vizcore.upload.error"] = str(error)
        else:
            take(decoded, file.name)
    if st.session_state.get("vizcore.upload.error"):
        st.error(inert(translated(st.session_state["vizcore.upload.error"])), icon=":material/broken_image:")
        return current
    return "upload" if _UPLOAD in st.session_state else current
