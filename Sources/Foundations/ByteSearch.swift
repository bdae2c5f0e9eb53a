extension UnsafeBufferPointer<UInt8> {
    /// Where a byte is first found in a range; eight bytes are looked at together.
    package func position(of byte: UInt8, in range: Range<Int>) -> Int? {
        let raw = UnsafeRawBufferPointer(self)
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        var offset = range.lowerBound
        while offset + 8 <= range.upperBound {
            // A byte that is zero now is one that was looked for.
            let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ pattern
            if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { break }
            offset += 8
        }
        return (offset..<range.upperBound).first { self[$0] == byte }
    }
}
