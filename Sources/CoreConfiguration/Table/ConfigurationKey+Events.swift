extension ConfigurationKey {
    static let ofEvents: [ConfigurationKey] = [
        ConfigurationKey(
            "event_streams_file", .someText, \.eventStreamsFile, .own,
            """
            a file that names the receivers of security events, with their secrets: JSON that others may not read (docs/events.md)
            """)
    ]
}

extension ConfigurationReading {
    /// Security events are made of the entries of the audit log.
    mutating func judgeEvents() {
        guard draft.eventStreamsFile != nil, !draft.writesAudit else { return }
        note(
            "'event_streams_file' needs the audit log: set 'audit_trail' to true, or leave out the file.",
            ["event_streams_file", "audit_trail"])
    }
}
