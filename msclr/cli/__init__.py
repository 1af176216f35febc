"""The commands of MS-CLR: flags to settings to one library call."""
