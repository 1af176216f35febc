"""MS-CLR: contrastive learning with one encoder for every skeleton convention."""
