#![no_main]

lazaret_fuzz::target!(lazaret_fuzz::authz::AUTHZ);
