"""Scenes: the same bytes from the same arguments, a mask that tells the truth, nothing from outside the wheel."""

from __future__ import annotations

import socket
from collections import Counter

import numpy as np
import pytest

from vizcore.pictures import grounds, scenes, sprites, stamp, textures
from vizcore.pictures.scenes import CLASSES, backdrop, scene
from vizcore.pictures.stamp import plant


def test_same_arguments_give_the_same_bytes() -> None:
    for arguments in ({}, {"hard": 1.0}, {"mark": True, "label": "horse"}, {"distractor": True, "size": 96}):
        first, again = scene(17, **arguments), scene(17, **arguments)
        assert first.picture.tobytes() == again.picture.tobytes()
        assert first.mask.tobytes() == again.mask.tobytes()
        assert (first.label, first.distractor, first.mark_box) == (again.label, again.distractor, again.mark_box)
    assert scene(17).picture.tobytes() != scene(18).picture.tobytes()


def test_a_scene_disturbs_no_other_random_numbers() -> None:
    np.random.seed(3)  # the global generator, which other people's code may rely on
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    scene(5)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


@pytest.mark.parametrize("size", [32, 100, 128, 224])
def test_shapes_and_types(size: int) -> None:
    made = scene(3, size=size, distractor=True, mark=True)
    assert made.picture.shape == (size, size, 3)
    assert made.picture.dtype == np.uint8
    assert made.mask.shape == (size, size)
    assert made.mask.dtype == bool
    assert made.distractor_mask is not None
    assert made.distractor_mask.shape == (size, size)


def test_every_class_occurs_and_is_seen() -> None:
    assert len(CLASSES) >= 10
    assert len(set(CLASSES)) == len(CLASSES)
    made = [scene(seed) for seed in range(300)]
    counts = Counter(s.label for s in made)
    assert set(counts) == set(CLASSES)
    areas = [s.mask.mean() for s in made]
    assert min(areas) > 0.02, "an object is too small to be found"
    assert max(areas) < 0.9, "an object leaves no ground around it"


def test_a_distractor_is_in_some_scenes_and_never_of_the_same_class() -> None:
    made = [scene(seed) for seed in range(200)]
    share = np.mean([s.distractor is not None for s in made])
    assert 0.2 < share < 0.4
    assert all(s.distractor != s.label for s in made)
    for s in made:
        assert (s.distractor is None) == (s.distractor_mask is None)
        if s.distractor_mask is not None:
            assert not (s.distractor_mask & s.mask).any()


def test_distractor_as_asked() -> None:
    assert scene(1, distractor="coin", label="cat").distractor == "coin"
    assert all(scene(seed, distractor=False).distractor is None for seed in range(20))
    assert all(scene(seed, distractor=True).distractor is not None for seed in range(20))


def test_the_mask_is_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """With cut-outs painted pure green and no lens, exactly the mask's pixels are mostly green."""
    real = scenes.posed

    def green(*arguments: object) -> tuple[np.ndarray, np.ndarray]:
        colours, matte = real(*arguments)  # type: ignore[arg-type]
        return np.zeros_like(colours) + np.array([0, 1, 0], np.float32), matte

    monkeypatch.setattr(scenes, "posed", green)
    empty = (np.zeros((128, 128, 3), np.float32), (1.0, 0.0))
    monkeypatch.setattr(scenes, "remembered_setting", lambda dice, size: empty)
    monkeypatch.setattr(scenes, "lens", lambda canvas, *_: (np.clip(canvas, 0, 1) * 255).astype(np.uint8))
    for name in CLASSES:
        made = scene(9, label=name, distractor=False)
        seen = made.picture[..., 1].astype(float) / made.picture[..., 1].max()
        sure = np.abs(seen - 0.5) > 0.35  # away from the soft edge
        assert np.array_equal(seen[sure] > 0.5, made.mask[sure]), name


def test_a_remembered_setting_is_the_drawn_one_and_leaves_the_dice_where_drawing_does() -> None:
    for seed in (3, 4):
        apart, first, again = (np.random.default_rng(seed) for _ in range(3))
        canvas, light = grounds.setting(apart, 64)
        after = apart.random()
        for dice in (first, again):
            other, direction = grounds.remembered_setting(dice, 64)
            assert np.array_equal(other, canvas)
            assert direction == light
            assert dice.random() == after
    with pytest.raises(ValueError, match="read-only"):
        other[0, 0] = 1


def test_edges_are_soft() -> None:
    for name, crops in sprites.sprites().items():
        for crop in crops:
            assert len(crop) == len(sprites.SIDES)
            assert [max(level.size) for level in crop] == list(sprites.SIDES)
            alpha = np.asarray(crop[0])[..., 3]
            between = ((alpha > 20) & (alpha < 235)).sum()
            assert between > 0.3 * (alpha > 127).sum() ** 0.5, f"{name} is cut with scissors"


def test_most_classes_come_in_several_crops() -> None:
    assert all(len(crops) >= 2 for crops in sprites.sprites().values())
    assert set(sprites.sprites()) == set(CLASSES)


def test_the_mark_lies_in_the_corner_and_is_not_the_object() -> None:
    for seed in range(20):
        plain, marked = scene(seed), scene(seed, mark=True)
        assert marked.mark_box is not None
        left, top, right, bottom = marked.mark_box
        assert 128 - 46 <= left < right <= 126
        assert 128 - 22 <= top < bottom <= 126
        outside = np.ones((128, 128), bool)
        outside[top:bottom, left:right] = False
        assert np.array_equal(plain.picture[outside], marked.picture[outside])
        assert not marked.mask[~outside].any()
        assert np.array_equal(plain.mask[outside], marked.mask[outside])


def test_the_mark_scales_with_the_picture() -> None:
    large = np.zeros((256, 256, 3), np.uint8)
    left, top, right, bottom = plant(large, np.random.default_rng(0))
    assert (right - left, bottom - top) == (2 * stamp.STAMP[0], 2 * stamp.STAMP[1])
    assert large[top:bottom, left:right].max() > 200


def test_hard_scenes_are_harder() -> None:
    """More noise: neighbouring pixels of a hard scene differ more once its blur is taken into account."""
    plain = np.mean([np.abs(np.diff(scene(s).picture.astype(float), axis=1)).mean() for s in range(30)])
    hard = np.mean([np.abs(np.diff(scene(s, hard=1.0).picture.astype(float), axis=1)).mean() for s in range(30)])
    assert hard > 1.3 * plain
    spread = [np.std([scene(s, hard=h).mask.mean() for s in range(80)]) for h in (0.0, 1.0)]
    assert spread[1] > 1.1 * spread[0]


def test_backdrops_are_grounds_without_an_object() -> None:
    first = backdrop(4)
    assert first.shape == (128, 128, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, backdrop(4))
    assert not np.array_equal(first, backdrop(5))


def test_textures_are_rich() -> None:
    pool = textures.textures()
    assert len(pool) >= 50
    assert all(tile.size == (2 * textures.TILE, 2 * textures.TILE) for tile in pool)
    assert np.median([np.asarray(tile, float).std() for tile in pool]) > 15


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"label": "dog"}, "no class 'dog'"),
        ({"distractor": "dog"}, "no class 'dog'"),
        ({"size": 8}, "size is 8"),
        ({"hard": 1.5}, "hard is 1.5"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        scene(0, **arguments)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a scene went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    sprites.sprites.cache_clear()
    textures.textures.cache_clear()
    assert scene(0).mask.any()
