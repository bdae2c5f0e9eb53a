extension String {
    /// Equality of the UTF-8 bytes.
    ///
    /// Swift's `==` also calls canonically equivalent texts equal; names and payloads of other bytes are others, as
    /// they are to every database and every other core.
    package func isSameText(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { mine.hasSameBytes(as: $0) }
        }
        return isSame.flatMap { $0 } ?? utf8.elementsEqual(other.utf8)
    }

    /// Feeds the UTF-8 bytes, so that texts hash alike when ``isSameText(as:)`` says so.
    package func hashText(into hasher: inout Hasher) {
        var text = self
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Compares as many bytes, eight at a time.
    fileprivate func hasSameBytes(as other: UnsafeBufferPointer<UInt8>) -> Bool {
        let (mine, theirs) = (UnsafeRawBufferPointer(self), UnsafeRawBufferPointer(other))
        var offset = 0
        while offset + 8 <= count {
            let left = mine.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard left == theirs.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset += 8
        }
        while offset < count {
            guard mine[offset] == theirs[offset] else { return false }
            offset += 1
        }
        return true
    }
}
