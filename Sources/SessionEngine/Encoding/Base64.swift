/// Strict base64 (RFC 4648): one text for each sequence of bytes and no other text accepted (statement T06).
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

    package func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(encodeTable[Int(buffer >> bits & 63)])
            }
            buffer &= 63
        }
        if bits > 0 { text.append(encodeTable[Int(buffer << (6 - bits) & 63)]) }
        if isPadded { text.append(contentsOf: repeatElement(Self.padding, count: (4 - text.count % 4) % 4)) }
        return text
    }

    package func encodedText(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: encode(bytes), as: UTF8.self)
    }

    /// The bytes, or `nil` for any character outside the alphabet, wrong padding, an impossible length or trailing
    /// bits that are not zero.
    package func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard let digits = withoutPadding(text), digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for character in digits {
            let value = decodeTable[Int(character)]
            guard value != Self.invalid else { return nil }
            buffer = (buffer << 6 | UInt32(value)) & 0xFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        let leftover = buffer & ((1 << bits) - 1)
        return leftover == 0 ? bytes : nil
    }

    private func withoutPadding(_ text: some Collection<UInt8>) -> [UInt8]? {
        var digits = Array(text)
        guard isPadded else { return digits }
        guard digits.count % 4 == 0 else { return nil }
        for _ in 0..<2 where digits.last == Self.padding { digits.removeLast() }
        return digits
    }

    /// The first character that is not of the alphabet, for an error text.
    func firstForeignCharacter(in text: some Collection<UInt8>) -> UInt8? {
        text.first { decodeTable[Int($0)] == Self.invalid && $0 != Self.padding }
    }
}
