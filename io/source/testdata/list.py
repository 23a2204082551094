"""Lists the members of archives as Python's tarfile reads them, in the form of list.go."""

import glob
import hashlib
import os
import sys
import tarfile


def kind(member):
    if member.islnk():
        return "H"
    if member.issym():
        return "L"
    if member.isdir():
        return "D"
    if member.ischr() or member.isblk() or member.isfifo():
        return "S"
    return "F"


for path in sorted(glob.glob(sys.argv[1] + "/*.tar")):
    print("#", os.path.basename(path))
    with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            what, size, digest = kind(member), 0, "-"
            if what == "F":
                size = member.size
                digest = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
            name, link = (os.fsencode(text).hex() for text in (member.name, member.linkname))
            print(what, format(member.mode & 0o7777, "o"), member.uid, member.gid, size, digest, name, link)
