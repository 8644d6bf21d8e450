/** Served by the dashboard from the package uplot. */
export { default } from 'uplot';
