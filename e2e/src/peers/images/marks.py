# Turns what overlayfs keeps of removals (a character device 0:0 for a name, an attribute for a directory that hides
# the one below) into the empty files that image layers have for them.
import os
import stat
import sys

for folder, directories, files in os.walk(sys.argv[1]):
    try:
        if os.getxattr(folder, "trusted.overlay.opaque") == b"y":
            open(os.path.join(folder, ".wh..wh..opq"), "w").close()
    except OSError:
        pass
    for name in files:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            os.remove(path)
            open(os.path.join(folder, ".wh." + name), "w").close()
