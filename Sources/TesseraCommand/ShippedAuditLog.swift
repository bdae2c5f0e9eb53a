import LosslessJSON
import SessionEngine
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Lines of `tessera audit --json` that were kept elsewhere.
struct ShippedAuditLog {
    /// The revoked sessions; expired sessions need no revocation.
    private(set) var ends: [RestoreOrder.End] = []
    /// The users all of whose sessions were ended.
    private(set) var massEnds: [RestoreOrder.MassEnd] = []
    /// The newest entry, by app.
    private(set) var reach: [AppID: Int64] = [:]

    /// Reads a file; an invalid line is an error, because a revocation may be in it.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure("the audit log \(path) cannot be read")
        }
        for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let object = try? JSONValue(parsing: Array(line)).object, take(object) else {
                throw Failure("\(path), line \(number + 1), is no entry of 'tessera audit --json'")
            }
        }
    }

    private mutating func take(_ object: JSONObject) -> Bool {
        guard let sequence = object["sequence"]?.number?.int64, let event = object["event"]?.string else {
            return false
        }
        let app = AppID(object["app"]?.string ?? AppID.public.rawValue)
        reach[app] = max(reach[app] ?? 0, sequence)
        // Entries of releases before "means" have "by" among their details.
        let means = object["means"]?.string ?? object["details"]?.object?["by"]?.string
        if event == AuditEvent.Name.revokedAll.rawValue { return takeMassEnd(object, app, sequence) }
        let isEnd =
            switch AuditEvent.Name(rawValue: event) {
            case .revoked?: means != Revocation.Means.expiry.rawValue
            case .reuseDetected?: means != nil
            default: false
            }
        guard isEnd else { return true }
        guard let handle = object["sessionHandle"]?.string else { return false }
        ends.append(RestoreOrder.End(app: app, handle: SessionHandle(handle), sequence: sequence))
        return true
    }

    private mutating func takeMassEnd(_ object: JSONObject, _ app: AppID, _ sequence: Int64) -> Bool {
        guard let user = object["userId"]?.string,
            let time = object["details"]?.object?["createdUpTo"]?.number?.int64
        else { return false }
        massEnds.append(
            RestoreOrder.MassEnd(
                app: app, user: UserID(user), tenant: object["tenantId"]?.string.map { TenantID($0) },
                createdUpTo: Timestamp(milliseconds: time), sequence: sequence))
        return true
    }
}
