//! How the advisory database is kept up and reaches others, with the program itself.

mod advisories;
mod repositories;
mod served;
mod serving;
mod writing;
