"""What a head is made of: stiffness, flesh and eyeballs."""
