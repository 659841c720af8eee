"""Everything that Streamlit draws.

A package of its own, and no mere folder: another one called ui, wherever it stands, would be taken before a folder.
"""
