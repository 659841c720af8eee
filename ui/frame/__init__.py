"""What all pages share: network, picture, class, settings, link, language, export."""
