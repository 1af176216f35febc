"""A page on a dataset, to be looked at before anything is trained on it."""

from ms2l_tf.data.report.page import check_report, write_report

__all__ = ["check_report", "write_report"]
