/// Strict base64 (RFC 4648): one text for each sequence of bytes and no other text accepted
/// (docs/specification/security.md T06).
package struct Base64: Sendable {
    private let encodeTable: [UInt8]
    private let decodeTable: [UInt8]
    private let isPadded: Bool

    /// Section 4: `+`, `/`, padded with `=`; access tokens V1 and V2, refresh tokens, public keys.
    package static let standard = Base64(lastTwo: "+/", isPadded: true)
    /// Section 5: `-`, `_`, not padded; access tokens V3 and newer, JWK.
    package static let url = Base64(lastTwo: "-_", isPadded: false)

    private static let invalid: UInt8 = 0xFF
    private static let padding = UInt8(ascii: "=")

    private init(lastTwo: String, isPadded: Bool) {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + lastTwo
        var decode = [UInt8](repeating: Self.invalid, count: 256)
        for (value, byte) in alphabet.utf8.enumerated() { decode[Int(byte)] = UInt8(value) }
        self.encodeTable = Array(alphabet.utf8)
        self.decodeTable = decode
        self.isPadded = isPadded
    }

    @inlinable
    package func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { encoded($0) }
            ?? Array(bytes).withUnsafeBufferPointer { encoded($0) }
    }

    @usableFromInline
    func encoded(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        let length = isPadded ? (bytes.count + 2) / 3 * 4 : (bytes.count * 4 + 2) / 3
        return encodeTable.withUnsafeBufferPointer { table in
            Array(unsafeUninitializedCapacity: length) { text, count in
                var (index, group) = (0, UInt32(0))
                while index + 3 <= bytes.count {
                    group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
                    for place in 0..<4 { text[count + place] = table[Int(group >> UInt32(18 - 6 * place) & 63)] }
                    index += 3
                    count += 4
                }
                // One or two bytes are left over; they make two or three digits.
                group = 0
                for place in 0..<(bytes.count - index) {
                    group |= UInt32(bytes[index + place]) << UInt32(16 - 8 * place)
                }
                for place in 0..<min(length - count, 4) {
                    let isDigit = place <= bytes.count - index
                    text[count + place] = isDigit ? table[Int(group >> UInt32(18 - 6 * place) & 63)] : Self.padding
                }
                count = length
            }
        }
    }

    @inlinable
    package func encodedText(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: encode(bytes), as: UTF8.self)
    }

    /// The bytes, or `nil` for any character outside the alphabet, wrong padding, an impossible length or trailing
    /// bits that are not zero.
    @inlinable
    package func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        if let bytes = text.withContiguousStorageIfAvailable({ decoded($0[...]) }) { return bytes }
        return Array(text).withUnsafeBufferPointer { decoded($0[...]) }
    }

    @usableFromInline
    func decoded(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
        guard let digits = withoutPadding(text), digits.count % 4 != 1 else { return nil }
        var reader = DigitReader(digits: UnsafeBufferPointer(rebasing: digits))
        let bytes = decodeTable.withUnsafeBufferPointer { table in
            Array(unsafeUninitializedCapacity: digits.count * 3 / 4) { bytes, count in
                count = reader.read(by: table, into: bytes)
            }
        }
        return reader.isValid ? bytes : nil
    }

    private func withoutPadding(
        _ text: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Slice<UnsafeBufferPointer<UInt8>>? {
        var digits = text
        guard isPadded else { return digits }
        guard digits.count % 4 == 0 else { return nil }
        for _ in 0..<2 where digits.last == Self.padding { digits.removeLast() }
        return digits
    }

    /// The first character that is not of the alphabet, for an error text.
    package func firstForeignCharacter(in text: some Collection<UInt8>) -> UInt8? {
        text.first { decodeTable[Int($0)] == Self.invalid && $0 != Self.padding }
    }
}

/// Turns digits into bytes, four at a time, and judges them at the end.
private struct DigitReader {
    let digits: UnsafeBufferPointer<UInt8>
    /// The bits of all values together; a digit's value has six, a foreign character's has more.
    private var seen: UInt8 = 0
    /// Bits after the last whole byte.
    private var leftover: UInt32 = 0

    init(digits: UnsafeBufferPointer<UInt8>) {
        self.digits = digits
    }

    var isValid: Bool { seen < 64 && leftover == 0 }

    /// Fills a buffer with room for three bytes for each four digits.
    ///
    /// - Returns: how many bytes there are.
    mutating func read(by table: UnsafeBufferPointer<UInt8>, into bytes: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var (index, count) = (0, 0)
        while index + 4 <= digits.count {
            let first = table[Int(digits[index])]
            let second = table[Int(digits[index + 1])]
            let third = table[Int(digits[index + 2])]
            let fourth = table[Int(digits[index + 3])]
            seen |= first | second | third | fourth
            bytes[count] = first << 2 | second >> 4
            bytes[count + 1] = second << 4 | third >> 2
            bytes[count + 2] = third << 6 | fourth
            index += 4
            count += 3
        }
        guard index + 2 <= digits.count else { return count }
        let first = table[Int(digits[index])]
        let second = table[Int(digits[index + 1])]
        let third = index + 2 < digits.count ? table[Int(digits[index + 2])] : 0
        seen |= first | second | third
        bytes[count] = first << 2 | second >> 4
        guard index + 2 < digits.count else {
            leftover = UInt32(second & 15)
            return count + 1
        }
        bytes[count + 1] = second << 4 | third >> 2
        leftover = UInt32(third & 3)
        return count + 2
    }
}
