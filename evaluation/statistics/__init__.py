"""AUROC, average precision and the bootstrap over images that puts intervals around them."""
