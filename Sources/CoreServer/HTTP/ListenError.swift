/// The address cannot be listened on.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    let host: String
    let port: Int
    let reason: String

    /// What happened and what may have caused it.
    public var description: String {
        "cannot listen on \(host):\(port): \(reason). Is another core running there, or is the host not this machine?"
    }
}
