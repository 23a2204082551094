// Lists the members of archives as Go's archive/tar, and with it every container engine, reads them.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func kind(flag byte) string {
	switch flag {
	case tar.TypeLink:
		return "H"
	case tar.TypeSymlink:
		return "L"
	case tar.TypeDir, 'D':
		return "D"
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return "S"
	}
	return "F"
}

func list(path string) {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	// Not seekable: Go passes over bodies without reading them otherwise.
	reader := tar.NewReader(io.MultiReader(file))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Println("!", err)
			return
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		kind := kind(header.Typeflag)
		size, digest := int64(0), "-"
		if kind == "F" {
			hash := sha256.New()
			size = header.Size
			// Holes can be longer than anybody wants to wait for.
			read, err := io.CopyN(hash, reader, 1<<20)
			if read == 1<<20 {
				digest = "long"
			} else if err != nil && err != io.EOF {
				digest = "unreadable"
			} else {
				digest = hex.EncodeToString(hash.Sum(nil))
			}
		}
		fmt.Printf("%s %o %d %d %d %s %x %x\n", kind, header.Mode&07777, header.Uid, header.Gid, size, digest, header.Name, header.Linkname)
		if digest == "unreadable" {
			fmt.Println("! unreadable")
			return
		}
	}
}

func main() {
	paths, _ := filepath.Glob(os.Args[1] + "/*.tar")
	for _, path := range paths {
		fmt.Println("#", filepath.Base(path))
		list(path)
	}
}
