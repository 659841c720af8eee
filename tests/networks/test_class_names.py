"""Class names in every form that people have them in become the names, in the order of the outputs."""

from __future__ import annotations

import contextlib
import json

import pytest

from vizcore.networks import class_names
from vizcore.networks.weights import WeightsError

NAMES = ("tench", "great white shark, man-eater", "cock's comb")
BY_INDEX = dict(enumerate(NAMES))
KERAS = {str(k): [f"n0144076{k}", name] for k, name in BY_INDEX.items()}

FORMS = {
    "lines": "\n".join(NAMES),
    "list": repr(list(NAMES)),
    "tuple": repr(NAMES),
    "list in JSON": json.dumps(NAMES, indent=2),
    "dictionary": repr(BY_INDEX),
    "dictionary, the last first": repr(dict(reversed(BY_INDEX.items()))),
    "dictionary, one in each line": "{" + ",\n ".join(f"{k}: {name!r}" for k, name in BY_INDEX.items()) + ",\n}",
    "dictionary in JSON": json.dumps(BY_INDEX),
    "pretty-printed": json.dumps(BY_INDEX, indent=4),
    "Keras": json.dumps(KERAS),
    "Keras, pretty-printed": json.dumps(KERAS, indent=4),
    "Keras as Python": repr({int(k): tuple(value) for k, value in KERAS.items()}),
    "name to index": repr({name: k for k, name in BY_INDEX.items()}),
    "name to index in JSON": json.dumps({name: k for k, name in reversed(BY_INDEX.items())}, indent=2),
    "assignment": f"classes = {BY_INDEX!r}",
    "annotated": f"CLASSES: list[str] = {list(NAMES)!r};",
    "within": json.dumps({"id2label": BY_INDEX}),
    "comments": "{  # of ImageNet's\n" + "".join(f"  {k}: {name!r},  # {k}\n" for k, name in BY_INDEX.items()) + "}",
    "the middle of a dictionary": "".join(f"  {k}: {name!r},\n" for k, name in BY_INDEX.items()),
    "the middle of Keras": json.dumps({k: [v[0], v[1] + " " * 60] for k, v in KERAS.items()})
    .strip("{}")
    .replace('], "', '],\n "'),
    "the middle of a list": "".join(f'  "{name}",\n' for name in NAMES),
    "YAML": "".join(f"{k}: {name}\n" for k, name in BY_INDEX.items()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_names_in_order(form: str) -> None:
    assert class_names.read(FORMS[form]) == NAMES


def test_digits_are_names_where_indices_are_the_values() -> None:
    folders = {str(k): place for place, k in enumerate(sorted(range(11), key=str))}  # as ImageFolder sorts them
    assert class_names.read(json.dumps(folders)) == tuple(sorted(map(str, range(11))))


def test_a_thousand_names_of_a_long_dictionary() -> None:
    text = json.dumps({str(k): [f"n{k:08d}", f"name {k}"] for k in range(1000)}, indent=2)
    assert class_names.read(text) == tuple(f"name {k}" for k in range(1000))


def test_lines_stay_lines() -> None:
    text = "cat\r\n\n  sea\tlion \x00\n" + "x" * 99
    assert class_names.read(text) == class_names.lines(text) == ("cat", "sea lion", "x" * 60)
    assert class_names.read(" \n") == ()
    assert class_names.read("[background]\ncat") == ("[background]", "cat")
    assert class_names.read("(none)\ncat (tabby)") == ("(none)", "cat (tabby)")
    assert class_names.read("3:4\n16:9") == ("3:4", "16:9")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{0: 'a', 2: 'c'}", "The index 1 is missing among the class names; for 2 names, 0 to 1 are needed"),
        ("{1: 'a', 2: 'b'}", "The index 0 is missing"),
        ("{0: 'a', 0: 'b'}", "The index 0 stands twice"),
        ('{"0": "a", "1": "b", "1": "c"}', "The index 1 stands twice"),
        ("{'a': 0, 'b': 0}", "The index 0 stands twice"),
        ("{'a': 1, 'b': 2}", "The index 0 is missing"),
        ("0: a\n0: b", "The index 0 stands twice"),
        ("{'a': 'b'}", "have 'a' as an index; accepted: whole numbers from 0 on."),
        ("{-1: 'a'}", "cannot be read"),
        ("{0: 'a'", "cannot be read"),
        ("{0: ''}", "is empty or no text"),
        ("{}", "cannot be read"),
        ("[cat, dog]", "cannot be read"),
        ("{'a', 'b'}", "cannot be read"),
        ("[__import__('os').getcwd()]", "cannot be read"),
        ("{**{0: 'a'}}", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[" * 150 + "]" * 150, "no text"),
        ("['a'" + "+'a'" * 200_000 + "]", "cannot be read"),
        ("{0: '''a\nb'''}", "cannot be read"),
        ("x" * (10**6 + 1), "1000001 characters; accepted: up to 1000000"),
    ],
)
def test_what_cannot_be_names_gets_a_sentence(text: str, says: str) -> None:
    with pytest.raises(WeightsError) as caught:
        class_names.read(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "'" * 10**6, "{'a" * 300_000, "0: " * 300_000, "#" * 10**6, "{" + " " * 10**6]
)
def test_a_long_text_is_read_in_time(text: str) -> None:
    with contextlib.suppress(WeightsError):
        class_names.read(text)
