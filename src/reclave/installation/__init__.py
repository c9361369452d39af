"""An installation as a whole: how it begins, what is in force in it, and which risks it accepts."""
