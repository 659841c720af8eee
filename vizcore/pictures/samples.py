"""The photographs inside scikit-image's wheel that are offered to try: their ids, titles and files."""

from __future__ import annotations

PHOTOGRAPHS = {
    "chelsea": ("Cat (Chelsea)", "chelsea.png"),
    "coffee": ("Cup of coffee", "coffee.png"),
    "astronaut": ("Astronaut (Eileen Collins)", "astronaut.png"),
    "rocket": ("Rocket on its launch pad", "rocket.jpg"),
    "motorcycle_left": ("Motorcycle", "motorcycle_left.png"),
    "camera": ("Photographer with a camera", "camera.png"),
    "horse": ("Silhouette of a horse", "horse.png"),
    "coins": ("Greek coins", "coins.png"),
    "clock": ("Clock, blurred by motion", "clock_motion.png"),
    "hubble": ("Hubble deep field", "hubble_deep_field.jpg"),
    "moon": ("Surface of the moon", "moon.png"),
    "retina": ("Retina of an eye", "retina.jpg"),
    "ihc": ("Stained tissue under a microscope", "ihc.png"),
    "cell": ("A single cell", "cell.png"),
    "page": ("Scanned page of a book", "page.png"),
    "brick": ("Brick wall", "brick.png"),
    "grass": ("Grass", "grass.png"),
    "gravel": ("Gravel", "gravel.png"),
}
