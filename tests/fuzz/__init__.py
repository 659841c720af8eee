"""Files and addresses from strangers, made by the thousand from a seed: nothing may crash, hang or take the memory."""
