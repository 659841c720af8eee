"""Learn: lessons of guessing first, whose true answers are computed."""

from ui.frame import layout
from ui.learn import choosing, ending, playing
from vizcore.lessons import shelf

with layout.hall("learn") as page:
    shelved = shelf.shelf()
    lesson, step = choosing.chosen(page, shelved)
    if lesson is None:
        choosing.cards(shelved)
    elif step > len(lesson.steps):
        ending.show_end(lesson, shelved)
    else:
        playing.play(lesson, step)
