"""What people look at: the common `style`, what is said of `arms`, scores as `curves`, samples as `images`."""
