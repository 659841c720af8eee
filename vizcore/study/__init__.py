"""A study: the same explanations and figures over many pictures, so that "method A beats B" is a statement.

``plan`` says what there is to do, ``work`` does it for one picture and one network, ``table`` keeps one row per
picture, network and method where no interruption can harm it, ``bootstrap`` and ``report`` turn the rows into
intervals and statements. ``local`` runs a plan in this process and ``cluster`` on Ray; ``python -m vizcore.study`` is
the command.
"""
