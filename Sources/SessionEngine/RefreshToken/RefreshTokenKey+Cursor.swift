package import Foundations

extension RefreshTokenKey {
    private static let cursorPurpose = "tessera/cursor/sessions"

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
        SealedNote.seal(createdAt.bytes + Array(handle.rawValue.utf8), purpose: cursorPurpose, key: key)
    }

    package static func place(of cursor: String, key: [UInt8]) -> (createdAt: Timestamp, handle: SessionHandle)? {
        guard let body = SealedNote.open(cursor, purpose: cursorPurpose, key: key), body.count >= 8 else { return nil }
        let handle = String(decoding: body.dropFirst(8), as: UTF8.self)
        return (Timestamp(bytes: body.prefix(8)), SessionHandle(handle))
    }
}
