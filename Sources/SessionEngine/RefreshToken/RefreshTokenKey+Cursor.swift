import Crypto
package import Foundations

extension RefreshTokenKey {
    /// A place in a list of sessions as a text that only holders of this key can make: 8 bytes of the time, the handle,
    /// and 16 bytes of HMAC-SHA256 over both, as unpadded base64url.
    ///
    /// - Parameters:
    ///   - createdAt: when the session there was created.
    ///   - handle: the session there.
    package func cursor(createdAt: Timestamp, handle: SessionHandle) -> String {
        Self.cursor(createdAt: createdAt, handle: handle, key: Array(masterKey.utf8))
    }

    /// The place that a text names; `nil` unless it was made with this key.
    package func place(of cursor: String) -> (createdAt: Timestamp, handle: SessionHandle)? {
        Self.place(of: cursor, key: Array(masterKey.utf8))
    }

    package static func cursor(createdAt: Timestamp, handle: SessionHandle, key: [UInt8]) -> String {
        let time = UInt64(bitPattern: createdAt.milliseconds)
        let body = (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) } + Array(handle.rawValue.utf8)
        return Base64.url.encodedText(body + cursorTag(of: body, key: key))
    }

    package static func place(of cursor: String, key: [UInt8]) -> (createdAt: Timestamp, handle: SessionHandle)? {
        guard cursor.utf8.count <= 1_024, let bytes = Base64.url.decode(cursor.utf8), bytes.count > 8 + tagBytes,
            Base64.url.encodedText(bytes) == cursor
        else { return nil }
        let body = Array(bytes.dropLast(tagBytes))
        guard ConstantTime.equals(Hex.encode(bytes.suffix(tagBytes)), Hex.encode(cursorTag(of: body, key: key))) else {
            return nil
        }
        let time = body.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let handle = String(decoding: body.dropFirst(8), as: UTF8.self)
        return (Timestamp(milliseconds: Int64(bitPattern: time)), SessionHandle(handle))
    }

    private static let tagBytes = 16

    private static func cursorTag(of body: [UInt8], key: [UInt8]) -> [UInt8] {
        let text = Array("tessera/cursor/sessions".utf8) + [0] + body
        return Array(Array(HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key))).prefix(tagBytes))
    }
}
