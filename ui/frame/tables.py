"""Tables that can be sorted, and taken along as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas
import streamlit as st

from ui.texts import number
from vizcore.study.cells import cell


def table(records: list[dict[str, Any]], numbers: Sequence[str], key: str, box: Any = None) -> None:
    """Records as a table that can be sorted; ``numbers`` names the columns of them, shown with three decimals.

    By the styles of pandas, which comes with Streamlit: its own formats of columns know no decimal comma. The table
    offers itself as a file, too, in which no cell may begin a formula.
    """
    frame = pandas.DataFrame([{name: cell(value) for name, value in one.items()} for one in records])
    columns = {name: frame[name].astype(float) for name in numbers if name in frame}
    shown = dict.fromkeys(columns, lambda value: "" if value != value else number(value, ".3f"))
    (box or st).dataframe(frame.assign(**columns).style.format(shown), hide_index=True, key=key, width="stretch")
