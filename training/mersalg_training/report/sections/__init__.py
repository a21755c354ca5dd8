"""The sections of a bundle's page, one file each, in the order of the questions that they answer."""
