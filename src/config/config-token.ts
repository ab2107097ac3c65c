/** Stands for the `Config` interface where Nest injects it: `@Inject(CONFIG) config: Config`. */
export const CONFIG = Symbol('Config');
