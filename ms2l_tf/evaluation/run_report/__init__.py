"""A page of one run or several: curves, accuracy, classes, confusions, map, settings, time.

One HTML file that loads nothing, made with the kit of `ms2l_tf.pages`. It is made of what the runs'
folders hold, and of their clips where the dataset is there; what is missing is said in a line.
"""

from ms2l_tf.evaluation.run_report.page import page_path, write_run_report

__all__ = ["page_path", "write_run_report"]
