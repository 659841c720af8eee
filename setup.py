"""What pyproject.toml cannot say: a wheel has the app inside the package of its command."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PARTS = ("app.py", "pages", "ui", ".streamlit/config.toml")


class WithTheApp(build_py):
    """As setuptools builds, and then ``PARTS`` into ``vizcore_app``; an editable install finds them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for part in PARTS:
            source, target = ROOT / part, Path(self.build_lib) / "vizcore_app" / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)  # what an earlier build left
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)


setup(cmdclass={"build_py": WithTheApp})
