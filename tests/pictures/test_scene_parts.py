"""Scenes drawn again with something changed: nothing else changes, and nothing is left where a part was."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from vizcore.pictures.scene_parts import PARTS, UNCHANGED, Change, Changes, Part, reflected, regions, without
from vizcore.pictures.scenes import Scene, backdrop, scene

# seed, label, second object, box of the stamp, pixels of the object, and the mean of each quarter of the picture: what
# these scenes were when the bundled networks learned from such. The bytes themselves may differ between two Pillows.
AS_TRAINED = (
    (0, "retina", "motorcycle", (83, 111, 121, 125), 3938, (82, 115, 90, 108)),
    (1, "helmet", None, None, 5345, (97, 105, 49, 83)),
    (2, "retina", "astronaut", (87, 111, 125, 125), 8347, (104, 128, 88, 97)),
    (3, "horse", "cat", None, 2242, (87, 132, 116, 113)),
    (7, "printed page", None, None, 8980, (121, 119, 101, 139)),
    (34, "cat", None, (88, 106, 126, 120), 7060, (77, 96, 114, 114)),
    (38, "astronaut", "coin", (84, 108, 122, 122), 3773, (97, 90, 87, 82)),
    (700_000, "motorcycle", None, (85, 109, 123, 123), 2174, (114, 112, 165, 148)),
    (1_000_003, "coffee cup", None, None, 7007, (152, 103, 97, 75)),
)
SEEDS = (3, 34, 38, 44)  # with and without a second object, sharp and blurred


def marked(seed: int, changes: Changes = UNCHANGED, **more: Any) -> Scene:
    return scene(seed, mark=True, changes=changes, **more)


def near(region: np.ndarray, by: int = 4) -> np.ndarray:
    """The region and what a lens may mix with it, within ``by`` pixels."""
    padded = np.pad(region, by)
    spots = [(y, x) for y in range(2 * by + 1) for x in range(2 * by + 1)]
    return np.any([padded[y : y + region.shape[0], x : x + region.shape[1]] for y, x in spots], axis=0)


@pytest.mark.parametrize(("seed", "label", "second", "box", "area", "quarters"), AS_TRAINED)
def test_an_unchanged_scene_is_what_the_networks_were_trained_on(
    seed: int, label: str, second: str | None, box: tuple[int, ...] | None, area: int, quarters: tuple[int, ...]
) -> None:
    made = scene(seed, mark=box is not None)
    assert (made.label, made.distractor, made.mark_box) == (label, second, box)
    assert abs(int(made.mask.sum()) - area) <= 20
    means = made.picture.reshape(2, 64, 2, 64, 3).mean((1, 3, 4)).ravel()  # (128,128,3) -> (4,)
    assert np.abs(means - quarters).max() < 1


def test_changes_that_change_nothing_leave_every_byte() -> None:
    for seed in range(12):
        for arguments in ({}, {"distractor": True, "mark": True}, {"size": 64, "hard": 0.8}):
            plain, same = scene(seed, **arguments), scene(seed, **arguments, changes=Changes(object=Change()))
            for field in fields(Scene):
                one, other = getattr(plain, field.name), getattr(same, field.name)
                assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_removed_changes_its_own_region_and_nothing_else(seed: int) -> None:
    whole = marked(seed, distractor=True)
    where = regions(whole)
    parts: tuple[Part, ...] = ("object", "distractor", "shadow", "stamp")
    for part in parts:
        less = marked(seed, without(part), distractor=True)
        differs = (whole.picture != less.picture).any(-1)
        assert differs.any(), part
        if part == "stamp":
            assert not differs[~where["stamp"]].any()
        else:  # a faint shadow ends in less than what counts as one, and shows through the object's soft edges
            own = where["object" if part == "shadow" else part]
            assert not (differs & ~near(own, 10)).any(), part
        assert part not in regions(less), part


def test_where_a_part_was_lies_the_ground_that_was_behind_it() -> None:
    """With nothing in front any more, the picture is one and the same, whatever stood there."""
    bare = [scene(7, label=label, distractor=False, changes=without("object")).picture for label in ("coin", "rocket")]
    assert np.array_equal(bare[0], bare[1])


def test_a_removed_background_is_one_colour_behind_the_rest() -> None:
    whole, plain = marked(34), marked(34, without("background"))
    inside = regions(whole)["object"] & ~regions(whole)["shadow"]
    assert np.array_equal(whole.mask, plain.mask)
    assert np.abs(whole.picture[inside].astype(int) - plain.picture[inside]).mean() < 3  # but for its soft edge
    behind = regions(whole)["background"]
    assert plain.picture[behind].std() < 0.6 * whole.picture[behind].std()
    assert abs(plain.picture[behind].mean() - whole.picture[behind].mean()) < 12


def test_regions_are_the_picture_and_only_the_shadow_lies_in_another() -> None:
    for seed in SEEDS:
        where = regions(marked(seed))
        apart = [where[part] for part in where if part != "shadow"]
        assert (np.sum(apart, axis=0) == 1).all()
        assert not (where["shadow"] & ~where["object"]).any()
        assert list(where) == [part for part in PARTS if part in where]
    assert "stamp" not in regions(scene(34))
    assert "distractor" not in regions(scene(34, distractor=False))


def test_a_moved_object_is_the_same_one_elsewhere() -> None:
    plain, moved = scene(44), scene(44, changes=Changes(object=Change(shift=(8 / 128, -4 / 128))))
    rolled = np.roll(plain.mask, (-4, 8), (0, 1))
    assert (rolled[8:-8, 8:-8] == moved.mask[8:-8, 8:-8]).mean() > 0.99
    assert np.array_equal(plain.distractor is None, moved.distractor is None)


def test_a_moved_stamp_stays_in_the_picture_and_shows_what_was_under_it() -> None:
    plain = scene(34)
    left, top, right, bottom = marked(34).mark_box or (0, 0, 0, 0)
    moved = marked(34, Changes(stamp=Change(shift=(-0.25, -0.5))))
    assert moved.mark_box == (left - 32, top - 64, right - 32, bottom - 64)
    assert np.array_equal(moved.picture[top:bottom, left:right], plain.picture[top:bottom, left:right])
    corner = marked(34, Changes(stamp=Change(shift=(-9, 9)))).mark_box
    assert corner is not None
    assert (corner[0], corner[3]) == (0, 128)


def test_what_is_added_leaves_the_rest_as_it_was() -> None:
    assert np.array_equal(scene(34, changes=Changes(stamp=Change(instead=1))).mask, marked(34).mask)
    plain, more = (
        scene(34, distractor=False),
        scene(34, distractor=False, changes=Changes(distractor=Change(instead="coin"))),
    )
    assert more.distractor == "coin"
    differs = (plain.picture != more.picture).any(-1)
    assert not (differs & ~near(regions(more)["distractor"], 10)).any()


def test_an_exchanged_object_stands_on_the_same_ground() -> None:
    plain, other = (
        scene(44, distractor=False),
        scene(44, distractor=False, changes=Changes(object=Change(instead="coin"))),
    )
    assert (plain.label, other.label) == ("photographer", "coin")
    off = ~near(regions(plain)["object"] | regions(other)["object"], 10)
    assert off.any()
    assert np.array_equal(plain.picture[off], other.picture[off])
    elsewhere = scene(44, changes=Changes(background=Change(instead=5)))
    assert np.array_equal(elsewhere.mask, scene(44).mask)
    behind = regions(elsewhere)["background"]
    grounds = [made.mean(-1)[behind] for made in (backdrop(5), elsewhere.picture, scene(44).picture)]
    likeness = np.corrcoef(grounds)[0]
    assert likeness[1] > 0.6 > 0.3 > abs(likeness[2])  # up to lens and light


def test_a_shadow_falls_where_it_is_sent() -> None:
    right, down = (scene(44, changes=Changes(shadow=Change(instead=angle))).shadow for angle in (0, 90))
    assert right is not None
    assert down is not None
    centre = [np.argwhere(one).mean(0) for one in (right, down)]
    assert centre[0][1] > centre[1][1]
    assert centre[1][0] > centre[0][0]


def test_an_edge_mirrors_what_comes_in() -> None:
    line = np.arange(4)[None, :].repeat(2, 0)
    assert reflected(line, 1, 0).tolist() == [[0, 0, 1, 2]] * 2
    assert reflected(line, -2, 3).tolist() == [[2, 3, 3, 2]] * 2
    assert reflected(line, 8, 0).tolist() == line.tolist()


def test_nonsense_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no class 'dog'"):
        scene(1, changes=Changes(object=Change(instead="dog")))
    with pytest.raises(ValueError, match="the object's shift is"):
        Changes(object=Change(shift=(float("nan"), 0)))
    with pytest.raises(ValueError, match="the stamp's place is 'coin'; accepted: a whole number"):
        Changes(stamp=Change(instead="coin"))
    with pytest.raises(ValueError, match="the object's place is 3; accepted: a class"):
        Changes(object=Change(instead=3))
