import PlatformLibC

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A core that runs, or ran, on this machine.
struct Instance: Equatable {
    let host: String
    let port: Int
    let pid: Int32
    let basePath: String

    /// Whether there is a process of this id; not whether it is this core.
    var hasProcess: Bool { kill(pid, 0) == 0 || errno == EPERM }

    /// Where to reach it from this machine.
    var reachableHost: String { ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host }
}

/// The files `.started/<host>-<port>` by which running cores are found, as SuperTokens' tools do
/// (docs/specification/core.md 7.5).
struct StartedFiles {
    private let folder: String

    /// The files below a state folder.
    init(stateFolder: String = Paths.stateFolder) {
        folder = stateFolder + "/.started"
    }

    private func path(_ instance: Instance) -> String { "\(folder)/\(instance.host)-\(instance.port)" }

    /// Writes the `.started` file of a core.
    func add(_ instance: Instance) throws {
        let files = FileManager.default
        try files.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let content = Data("\(instance.pid)\n\(instance.basePath)".utf8)
        guard files.createFile(atPath: path(instance), contents: content, attributes: [.posixPermissions: 0o600])
        else { throw Failure("cannot write \(path(instance))") }
    }

    /// Deletes the `.started` file, unless it is another core's by now.
    func remove(_ instance: Instance) {
        guard read(name: "\(instance.host)-\(instance.port)") == instance else { return }
        try? FileManager.default.removeItem(atPath: path(instance))
    }

    /// Whether the `.started` file of a core exists.
    func has(_ instance: Instance) -> Bool { all().contains(instance) }

    /// All registered cores, by address.
    func all() -> [Instance] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap(read)
    }

    private func read(name: String) -> Instance? {
        guard let dash = name.lastIndex(of: "-"), let port = Int(name[name.index(after: dash)...]),
            let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
            let text = String(validating: data, as: UTF8.self)
        else { return nil }
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard let pid = lines.first.flatMap({ Int32($0) }), pid > 0 else { return nil }
        return Instance(
            host: String(name[..<dash]), port: port, pid: pid, basePath: lines.count > 1 ? String(lines[1]) : "")
    }
}
