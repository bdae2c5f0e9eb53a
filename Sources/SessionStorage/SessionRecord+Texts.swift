package import SessionEngine

extension SessionRecord {
    /// Refuses a record with U+0000 in one of its names, which PostgreSQL cannot keep: so no storage does.
    ///
    /// Payload and session data are JSON, where that character is an escape.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/unstorable``, naming the field.
    package func checkTexts() throws(StorageError) {
        let texts = [("user id", userID.rawValue), ("session handle", handle.rawValue), ("tenant", tenantID.rawValue)]
        guard let wrong = texts.first(where: { $0.1.utf8.contains(0) }) else { return }
        throw StorageError(.unstorable, "the \(wrong.0) has the character U+0000 in it")
    }
}
