"""What ``pip install .`` installs beside the engine: the app, and the command ``vizcore`` that starts it.

In the repository this folder holds the command only. A wheel has ``app.py``, ``pages``, ``ui`` and ``.streamlit`` here
(``setup.py`` puts them there), so that no name as common as ``ui`` stands among everybody's packages: Streamlit lets a
script import what lies beside it.
"""
