private import PlatformLibC

/// An IP address as a value; the C library reads and writes it.
package struct IPAddress: Sendable, Hashable {
    /// Four bytes, or sixteen.
    private let bytes: [UInt8]

    /// Reads an address without a port, a zone or brackets; IPv4 within IPv6 is IPv4 (RFC 4291 section 2.5.5.2).
    package init?(_ text: String) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        if let bytes = Self.parse(text, AF_INET, count: 4) {
            self.bytes = bytes
        } else if let bytes = Self.parse(text, AF_INET6, count: 16) {
            let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10...11].allSatisfy { $0 == 0xff }
            self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
        } else {
            return nil
        }
    }

    /// The address in its one canonical form (RFC 5952).
    package var text: String { Self.print(bytes) }

    /// The eight groups of an IPv6 address; `nil` for IPv4.
    package var groups: [UInt16]? {
        guard bytes.count == 16 else { return nil }
        return stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    }

    /// The network that it is in, as the privacy of its user wants it: 256 addresses of IPv4, a site of IPv6.
    package var network: String {
        let length = bytes.count == 4 ? 3 : 6
        let masked = bytes.prefix(length) + Array(repeating: 0, count: bytes.count - length)
        return "\(Self.print(Array(masked)))/\(length * 8)"
    }

    private static func parse(_ text: String, _ family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let isRead = bytes.withUnsafeMutableBytes { inet_pton(family, text, $0.baseAddress) }
        return isRead == 1 ? bytes : nil
    }

    private static func print(_ bytes: [UInt8]) -> String {
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        var text = [CChar](repeating: 0, count: 64)
        let isWritten = bytes.withUnsafeBytes { bytes in
            text.withUnsafeMutableBufferPointer { text in
                inet_ntop(family, bytes.baseAddress, text.baseAddress, socklen_t(text.count)) != nil
            }
        }
        guard isWritten else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
