"""Learn: lessons of guessing first, whose true answers are computed; a hall may answer them on its telephones."""

from ui.frame import course, layout
from ui.hall import guest, lecturer
from ui.learn import choosing, ending, playing
from vizcore.lessons import shelf

with layout.hall("learn") as page:
    shelved = shelf.shelf()
    if course.course().hall:
        guest.show_room(page, shelved)
    else:
        lesson, step = choosing.chosen(page, shelved)
        lecture = lecturer.lecture(lesson, step)
        if lesson is None:
            guest.door()  # first: nobody with a telephone in the hand looks below ten cards for it
            choosing.cards(shelved)
        elif step > len(lesson.steps):
            ending.show_end(lesson, shelved)
        else:
            playing.play(lesson, step, lecture)
