import Foundations

/// Whether a device still answers, or has to be opened by a new process.
///
/// After a device was away many modules answer an error for ever, and some never return from a call. `C_Finalize` may not
/// be called while others are in a call (PKCS #11 2.40 section 5.4), so only the end of the process ends that.
struct DeviceHealth: Sendable {
    /// For how long every operation may fail.
    static let longestFailure = Duration.seconds(5)
    /// How long one call of the module may take, but that which makes a key.
    static let longestCall = Duration.seconds(15)

    /// How an operation, such as a signature, went.
    enum Result: Sendable {
        case good
        /// The device, a login or a session was gone, or the device answered an error.
        case failed
        /// The device had nothing to do with it.
        case neither
    }

    private var calls: [UInt64: MonotonicTime] = [:]
    private var count: UInt64 = 0
    /// When the first and the last operation failed since one that was good.
    private var failures: (first: MonotonicTime, last: MonotonicTime)?

    /// A call of the module begins.
    ///
    /// - Returns: its number.
    mutating func begin(at now: MonotonicTime) -> UInt64 {
        count &+= 1
        calls[count] = now
        return count
    }

    /// A call has returned.
    mutating func end(_ call: UInt64) { calls[call] = nil }

    /// An operation has ended.
    mutating func note(_ result: Result, at now: MonotonicTime) {
        switch result {
        case .good: failures = nil
        case .failed: failures = (failures?.first ?? now, now)
        case .neither: break
        }
    }

    /// Why the device has to be opened by a new process; `nil` while it works, and while it has nothing to do.
    func fault(at now: MonotonicTime) -> String? {
        if let begun = calls.values.min(), now - begun >= Self.longestCall {
            return "the device has not answered a call for \(Self.longestCall.components.seconds) s"
        }
        if let failures, failures.last - failures.first >= Self.longestFailure {
            return "the device has answered with errors alone for \(Self.longestFailure.components.seconds) s"
        }
        return nil
    }
}
