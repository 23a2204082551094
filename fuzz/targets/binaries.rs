#![no_main]

lazaret_fuzz::target!(lazaret_fuzz::catalogers::BINARIES);
