//! The built command, called as a person calls it.

mod build;
mod check;
mod environments;
mod folder;
mod new;
mod readme;
mod real;
