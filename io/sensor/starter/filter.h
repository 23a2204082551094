/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef LAZARET_FILTER_H
#define LAZARET_FILTER_H

#include "system.h"

/*
 * overlayfs empties a file of the image that is opened for reading with O_TRUNC before Landlock is asked whether it may be
 * cut: that way of opening, which is for nobody, is refused first. Where its flags are out of sight (openat2, io_uring),
 * the call is as in a kernel that does not have it.
 */
#define LOAD(offset) { 0x20, 0, 0, offset }
#define AND(bits) { 0x54, 0, 0, bits }
#define IF(value, then, otherwise) { 0x15, then, otherwise, value }
#define SKIP(count) { 0x05, 0, 0, count }
#define RETURN(value) { 0x06, 0, 0, value }
#define CALL_OPENAT2 437
#define CALL_IO_URING 425
#define O_TRUNC 01000

static const struct {
	unsigned short code;
	unsigned char then, otherwise;
	unsigned value;
} filter[] = {
	LOAD(4),
	IF(ARCHITECTURE, 0, 7),
	LOAD(0),
	AND(0xbfffffff), /* x32 */
	IF(CALL_OPEN, 10, 0),
	IF(CALL_OPENAT, 11, 0),
	IF(CALL_OPEN_HANDLE, 10, 0),
	IF(CALL_OPENAT2, 14, 0),
	IF(CALL_IO_URING, 13, 12),
	/* 9: 32-bit calls */
	LOAD(0),
	IF(5, 4, 0),
	IF(OTHER_OPENAT, 5, 0),
	IF(OTHER_OPEN_HANDLE, 4, 0),
	IF(CALL_OPENAT2, 8, 0),
	IF(CALL_IO_URING, 7, 6),
	/* 15: flags are the second argument */
	LOAD(24),
	SKIP(1),
	/* 17: the third */
	LOAD(32),
	AND(O_ACCMODE | O_TRUNC),
	IF(O_TRUNC, 3, 0),
	IF(O_ACCMODE | O_TRUNC, 2, 0),
	RETURN(0x7fff0000),
	RETURN(0x00050000 | 38),
	RETURN(0x00050000 | EACCES),
};

static const struct {
	unsigned short count;
	const void *first;
} program = { sizeof(filter) / sizeof(filter[0]), filter };

#endif
