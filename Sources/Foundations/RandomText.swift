/// Random texts in the shapes that the wire asks for.
package enum RandomText {
    /// A version 4 UUID in lower case (RFC 9562 section 5.4): 122 random bits.
    package static func uuid(using random: inout some RandomNumberGenerator) -> String {
        uuid(from: RandomText.bytes(16, using: &random))
    }

    /// The version 4 UUID of 16 bytes; six of their bits give way to the version and the variant.
    package static func uuid(from bytes: [UInt8]) -> String {
        var bytes = bytes
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return String(unsafeUninitializedCapacity: 36) { text in
            var length = 0
            for (index, byte) in bytes.prefix(16).enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[length] = UInt8(ascii: "-")
                    length += 1
                }
                text[length] = Hex.digit(byte >> 4)
                text[length + 1] = Hex.digit(byte & 15)
                length += 2
            }
            return length
        }
    }

    private static let base62 = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Random digits and letters; that 62 does not divide 2 to the 64th makes none of them more likely than others by more than
    /// a part in 10 to the 17th.
    package static func base62(_ count: Int, using random: inout some RandomNumberGenerator) -> String {
        var bytes: [UInt8] = []
        for _ in 0..<count { bytes.append(base62[Int((random.next() as UInt64) % UInt64(base62.count))]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Random bytes.
    package static func bytes(_ count: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            withUnsafeBytes(of: random.next() as UInt64) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
