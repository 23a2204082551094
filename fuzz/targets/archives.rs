#![no_main]

lazaret_fuzz::target!(lazaret_fuzz::images::ARCHIVES);
