"""Your own network: an architecture by name and a state_dict, checked and then on every page of this session."""

import streamlit as st

from ui.frame import examination, layout, link, uploads
from ui.texts import inert, listed, quoted, t
from ui.texts.sentences import translated
from vizcore.networks import architectures, class_names, own
from vizcore.networks.preprocessing import for_unit_pixels
from vizcore.networks.weights import WeightsError

EXAMPLE = """from vizcore import Classifier, Preprocess

def digits():
    preprocess = Preprocess(size=(28, 28), mean=(0.13,), std=(0.31,))
    return Classifier(my_module, preprocess, [str(k) for k in range(10)])
"""

with layout.page("network") as page:
    form, mine = st.columns([2, 1], gap="large")
    if own.most_bytes():
        with form:  # outside of the frame below, which asks for what this one needs
            architecture = st.selectbox(
                t("network.architecture"), architectures.NAMES, architectures.NAMES.index("resnet18"), key="own.name"
            )
        with form, st.form("network.form"):
            left, right = st.columns(2)
            with left:
                file = st.file_uploader(
                    t("network.file"),
                    key=f"own.file.{uploads.count()}",  # each file its own place: the memory of the last one is freed
                    max_upload_size=max(1, own.most_bytes() >> 20),
                    help=t("network.file_help"),
                )
                title = st.text_input(t("network.name"), max_chars=class_names.LONGEST, help=t("network.name_help"))
                labels = st.toggle(t("network.labels"), key="own.labels", help=t("network.labels_help"))
            with right:
                names = st.text_area(t("network.classes"), max_chars=10**6, help=t("network.classes_help"))
                count = st.number_input(t("network.count"), 0, own.MOST_CLASSES, step=1, help=t("network.count_help"))
                sides = st.columns(2)
                height = sides[0].number_input(t("network.height"), *own.SIDES, value=224, step=1)
                width = sides[1].number_input(t("network.width"), *own.SIDES, value=224, step=1)
                mean = st.text_input(t("network.mean"), listed(own.MEAN), max_chars=200)
                std = st.text_input(t("network.std"), listed(own.STD), max_chars=200, help=t("network.grey"))
                rescaling = None
                if architecture in architectures.RESCALING:
                    rescaling = st.toggle(t("network.rescaling"), value=True, key="own.rescaling")
                    st.caption(t("network.rescaling_help"))
            sent = st.form_submit_button(t("network.use"), type="primary", icon=":material/check:")
            if sent and file is None:
                st.error(t("network.no_file"), icon=":material/upload_file:")
            elif sent and file is not None:
                given = own.numbers_of(mean), own.numbers_of(std)
                unit = for_unit_pixels(*given)
                called = (class_names.lines(title) or class_names.lines(file.name) or (architecture,))[0]
                try:
                    design = own.Design(
                        *(architecture, (int(height), int(width)), *unit),
                        *(class_names.read(names), int(count), rescaling, labels),
                    )
                    with st.spinner(t("network.reading")):
                        source = (class_names.lines(file.name) or ("file",))[0]
                        uploads.add(file.getvalue(), design, called, source, converted=given != unit)
                except WeightsError as error:
                    st.error(inert(translated(str(error))), icon=":material/error:")
                else:
                    uploads.discard(file)
                    st.rerun()
        del file  # the names of a script outlive its run, and the file its session
    else:
        form.info(t("network.off"), icon=":material/block:")
    with form:
        examination.details(page.clf)
    with mine:
        st.markdown(f"**{t('network.mine')}**")
        if not uploads.all_of():
            st.caption(t("network.none"))
        for name, one in list(uploads.all_of().items()):
            st.markdown(quoted(one.clf.title))
            shape = " × ".join(map(str, one.clf.input_shape))
            st.caption(
                t("network.row", architecture=one.design.architecture, classes=len(one.clf.classes), shape=shape)
            )
            normal = {"mean": listed(one.design.mean), "std": listed(one.design.std)}
            st.caption(t("network.converted" if one.converted else "network.normal", **normal))
            if one.design.architecture in architectures.RESCALING:
                st.caption(t("network.rescales" if one.design.rescaling else "network.rescales_not"))
            if name != page.clf.name:
                st.button(t("network.choose"), key=f"choose.{name}", on_click=uploads.choose, args=(name,))
            st.button(t("network.drop"), key=f"drop.{name}", on_click=uploads.drop, args=(name, link.default_network()))
        st.caption(t("network.limits", most=uploads.MOST, million=own.MOST_PARAMETERS // 10**6))
        with st.expander(t("network.python")):
            st.markdown(t("network.python_text"))
            st.code(EXAMPLE, language="python")
