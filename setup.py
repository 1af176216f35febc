"""The packages and what they bring along; all else is in setup.cfg.

The recipes of ``flags/`` become a folder inside the installed package, which setup.cfg cannot say
beside a search for packages.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["ms2l_tf*", "msclr*"]), "ms2l_tf.recipes"],
    package_dir={"ms2l_tf.recipes": "flags"},
    package_data={
        "ms2l_tf": ["**/*.json", "pages/*.css", "pages/*.js"],
        "ms2l_tf.recipes": ["*/*.cfg"],
    },
)
