export { strings } from '../strings.ts';
