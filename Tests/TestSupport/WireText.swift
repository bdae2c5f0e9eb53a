#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Base64 by Foundation, so that tests do not check the engine's base64 with itself.
public enum WireText {
    /// Standard base64 with padding.
    public static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Base64url without padding.
    public static func base64URL(_ bytes: [UInt8]) -> String {
        String(base64(bytes).filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    /// Base64url of a text's UTF-8.
    public static func base64URL(_ text: String) -> String { base64URL(Array(text.utf8)) }

    /// The bytes of base64 of either alphabet, padded or not.
    public static func decode(_ text: some StringProtocol) throws -> [UInt8] {
        var standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        while standard.utf8.count % 4 != 0 { standard.append("=") }
        guard let data = Data(base64Encoded: standard) else { throw TestSupportError("not base64: \(text)") }
        return Array(data)
    }

    /// The bytes of hexadecimal digits.
    public static func hex(_ text: String) throws -> [UInt8] {
        let digits = Array(text)
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            guard let byte = UInt8(String(digits[index..<index + 2]), radix: 16) else {
                throw TestSupportError("not hexadecimal: \(text)")
            }
            return byte
        }
    }
}
