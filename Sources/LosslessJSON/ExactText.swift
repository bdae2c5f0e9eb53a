extension String {
    /// Equality of the UTF-8 bytes.
    ///
    /// Swift's `==` also calls canonically equivalent texts equal; names and payloads of other bytes are others, as
    /// they are to every database and every other core.
    package func isSameText(as other: String) -> Bool {
        // Texts of other lengths are the common case, and lengths are at hand.
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// Feeds the UTF-8 bytes, so that texts hash alike when ``isSameText(as:)`` says so.
    package func hashText(into hasher: inout Hasher) {
        var text = self
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
